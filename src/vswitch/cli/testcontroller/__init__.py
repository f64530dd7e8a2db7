"""ovs-testcontroller: a simple controller for tests.  learning is what it does, run how it is connected, main its options."""
