"""How identifying a table is: disclosure risk measures over integer-coded columns.

Pure: arrays in, numbers out. A column is a one-dimensional integer array, one code a row, -1 where
the value is missing; codes say only which rows agree, and of numbers their order.
`coding` makes such columns, `report.measure` is the door to all measures of a table,
`combinations` and `taxa` ask which few columns suffice. Definitions: docs/privacy.md.
"""
