"""How identifying a dataset is: the room of the risk measures, not built yet."""
