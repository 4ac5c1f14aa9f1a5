"""How long what describes may be, as `describe_dataset` and `describe_columns` take it."""

LONGEST_DESCRIPTION = 10_000  # characters, as of all here
LONGEST_ORIGIN = 1_000
LONGEST_LICENCE = 1_000
LONGEST_COLUMN = 2_000
LONGEST_UNIT = 100
LONGEST_KEYWORD = 100
MOST_KEYWORDS = 50
