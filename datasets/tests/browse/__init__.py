"""Tests of browsing: rows filtered, sorted and paged, cards of columns, the search."""
