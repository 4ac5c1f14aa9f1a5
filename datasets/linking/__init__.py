"""Raw ids turned into their owner's pseudonyms, so that results can be linked back.

Whoever asks holds the ids already. They come and go in memory: nothing of them is stored or logged.
"""
