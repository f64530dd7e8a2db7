"""OpenFlow 1.0-1.5 with the Nicira extensions: codec, messages, actions, text, session.  Pure."""
