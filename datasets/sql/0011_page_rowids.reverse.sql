drop function :"data_schema".page_rowids(
  :"data_schema".datasets, jsonb, integer, boolean, bigint, bigint, boolean, integer, boolean);
drop function :"data_schema".walked_rowids(
  :"data_schema".datasets, jsonb, :"data_schema".dataset_columns, integer, text, text[], text,
  bigint, integer);
drop function :"data_schema".page_orders(text, text, text, boolean, boolean, text, boolean);
drop function :"data_schema".is_indexed(text, text);
