"""eBPF bytecode as a little language: instructions, builder, program and map specs, BTF.  Pure."""
