"""What a file holds, shown before anything of it is stored: rows, types, and what looks sensitive.

Pure but for its pages: a file and the choices made so far give a `Preview`, each time anew.
"""
