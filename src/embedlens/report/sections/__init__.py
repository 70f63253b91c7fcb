"""The sections of the report: one module and one object each, the page their list."""
