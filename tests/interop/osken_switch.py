"""A learning switch for osken-manager: what os-ken's users write first."""

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_3


class LearningSwitch(app_manager.OSKenApp):
    """Sends what it does not know to everybody, and flows for what it knows to the switch."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]  # noqa: RUF012 - os-ken's interface

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.port_of = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def on_features(self, event):
        datapath = event.msg.datapath
        proto, parser = datapath.ofproto, datapath.ofproto_parser
        to_us = parser.OFPActionOutput(proto.OFPP_CONTROLLER, proto.OFPCML_NO_BUFFER)
        self.add_flow(datapath, 0, parser.OFPMatch(), to_us)

    def add_flow(self, datapath, priority, match, action):
        proto, parser = datapath.ofproto, datapath.ofproto_parser
        apply = parser.OFPInstructionActions(proto.OFPIT_APPLY_ACTIONS, [action])
        datapath.send_msg(
            parser.OFPFlowMod(datapath=datapath, priority=priority, match=match, instructions=[apply])
        )

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def on_packet_in(self, event):
        datapath, message = event.msg.datapath, event.msg
        proto, parser = datapath.ofproto, datapath.ofproto_parser
        in_port = message.match["in_port"]
        header = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        self.port_of[header.src] = in_port
        action = parser.OFPActionOutput(self.port_of.get(header.dst, proto.OFPP_FLOOD))
        if header.dst in self.port_of:
            match = parser.OFPMatch(in_port=in_port, eth_dst=header.dst, eth_src=header.src)
            self.add_flow(datapath, 1, match, action)
        datapath.send_msg(
            parser.OFPPacketOut(
                datapath=datapath,
                buffer_id=proto.OFP_NO_BUFFER,
                in_port=in_port,
                actions=[action],
                data=message.data,
            )
        )
