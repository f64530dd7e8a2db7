"""The datapath that forwards in this process (datapath_type=netdev)."""
