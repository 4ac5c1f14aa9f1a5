drop function :"data_schema".rows_from(
  :"data_schema".datasets, jsonb, integer[], boolean, double precision);
drop function :"data_schema".condition_text(
  :"data_schema".dataset_columns, text, integer, text, integer);
drop function :"data_schema".column_cell(:"data_schema".dataset_columns, integer);
drop function :"data_schema".require_condition(:"data_schema".dataset_columns, text, jsonb);
drop function :"data_schema".require_fit(:"data_schema".dataset_columns, text, text);
drop function :"data_schema".stored_type(text);
drop function :"data_schema".texts_of(jsonb);
