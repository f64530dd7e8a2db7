"""What ofproto and the datapaths share: Datapath, Netdev, Megaflow, Upcall, actions, keys.  Pure."""
