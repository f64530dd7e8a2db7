"""The datapath that compiles megaflows into eBPF programs."""
