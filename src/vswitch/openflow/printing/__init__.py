"""Messages in text, one module per family, as `ovs-ofctl` prints them."""
