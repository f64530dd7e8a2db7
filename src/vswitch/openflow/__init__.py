"""OpenFlow 1.0 to 1.5 with the Nicira and ONF extensions, as Open vSwitch speaks them: values, bytes, text, session.  Pure.

- `version`, `ports`, `errors`, `names`: what everything else is said in.
- `value`, `codec`, `properties`: how declarations become bytes.  A class per meaning, `@message` or `@action` and a line
  of codes; the widths of its fields say the rest.
- `message` and `messages/`: `encode(message, version, xid)` and `decode(data)`.
- `actions/`, `instructions`: one class each, wire and text; `actions/check` is what OpenFlow says about their sense.
- `wirematch`, `wirefield`, `match10`, `match11`, `oxs`: matches, fields and statistics on the wire.
- `text`, `printing/`, `flowtext`, `grouptext`, `metertext`, `actiontypes`, `usable`: what `ovs-ofctl` prints and accepts.
- `session`: one end of a channel.

    session = Session(now, versions=[OF13])
    session.receive(data_from_switch, now)
    for event in session.events():
        match event:
            case Negotiated():
                session.send(parse_flow_mod("priority=5,tcp,actions=output:1"))
            case Received(PacketIn(packet=packet), xid):
                ...
    data_to_switch = session.take_output()
"""
