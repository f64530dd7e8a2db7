"""`vswitch db`: a database's journal as its history."""
