"""Translation of a flow through the tables into datapath actions and a mask."""
