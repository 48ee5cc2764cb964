"""What the fake camera answers to each operation of its services, and what it remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from fakes.onvif_camera import FakeCamera

SOAP = "http://www.w3.org/2003/05/soap-envelope"
TT = "http://www.onvif.org/ver10/schema"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TRT = "http://www.onvif.org/ver10/media/wsdl"
TR2 = "http://www.onvif.org/ver20/media/wsdl"
TPTZ = "http://www.onvif.org/ver20/ptz/wsdl"
TIMG = "http://www.onvif.org/ver20/imaging/wsdl"
TEV = "http://www.onvif.org/ver10/events/wsdl"
TER = "http://www.onvif.org/ver10/error"
PATHS = {
    TDS: "/onvif/device_service",
    TRT: "/onvif/media",
    TR2: "/onvif/media2",
    TPTZ: "/onvif/ptz",
    TIMG: "/onvif/imaging",
    TEV: "/onvif/events",
}
_PREFIXES = {"s": SOAP, "tt": TT, "tds": TDS, "trt": TRT, "tr2": TR2, "tptz": TPTZ, "timg": TIMG, "ter": TER}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _PREFIXES.items())
_GENERIC = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"
_GENERIC_ZOOM = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"


class Fault(Exception):
    """To be answered with a SOAP fault of this subcode, in the namespace of ONVIF's errors."""

    def __init__(self, subcode: str, reason: str) -> None:
        super().__init__(reason)
        self.subcode = subcode
        self.reason = reason


def wrapped(body: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_DECLARED}><s:Body>{body}</s:Body></s:Envelope>'.encode()


def fault(subcode: str, reason: str) -> bytes:
    return wrapped(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{subcode}</s:Value></s:Subcode>"
        f'</s:Code><s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )


def answer(camera: FakeCamera, namespace: str, operation: str, request: Any) -> str:
    """The element of the answer's body. Raises Fault."""
    known = _OPERATIONS.get((namespace, operation))
    if known is None or namespace not in camera.services() or operation in camera.quirks.unsupported:
        raise Fault("ActionNotSupported", f"Optional action {operation} not implemented")
    prefix = next(prefix for prefix, uri in _PREFIXES.items() if uri == namespace)
    return f"<{prefix}:{operation}Response>{known(camera, request)}</{prefix}:{operation}Response>"


def _date_time(at: datetime) -> str:
    return (
        f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date>"
    )


def _get_time(camera: FakeCamera, _: Any) -> str:
    utc = datetime.fromtimestamp(camera.clock_ms() / 1000, UTC)
    local = utc + timedelta(seconds=camera.quirks.zone_s)
    told = local if camera.quirks.local_as_utc else utc
    utc_element = "" if camera.quirks.no_utc else f"<tt:UTCDateTime>{_date_time(told)}</tt:UTCDateTime>"
    return (
        f"<tds:SystemDateAndTime><tt:DateTimeType>{'NTP' if camera.by_ntp else 'Manual'}</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>{camera.zone}</tt:TZ></tt:TimeZone>"
        f"{utc_element}<tt:LocalDateTime>{_date_time(local)}</tt:LocalDateTime></tds:SystemDateAndTime>"
    )


def _set_time(camera: FakeCamera, request: Any) -> str:
    at = request.find(f"{{{TDS}}}UTCDateTime")
    if at is None or request.findtext(f"{{{TDS}}}DaylightSavings") not in ("true", "false"):
        raise Fault("InvalidDateTime", "no UTC time")
    names = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    numbers = (int(at.findtext("/".join(f"{{{TT}}}{part}" for part in name.split("/")))) for name in names)
    year, month, day, hour, minute, second = numbers
    if camera.quirks.refuses_zone and request.find(f"{{{TDS}}}TimeZone") is not None:
        raise Fault("InvalidTimeZone", "The time zone is not valid")
    camera.set_clock(round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000))
    camera.by_ntp = request.findtext(f"{{{TDS}}}DateTimeType") == "NTP"
    return ""


def _information(camera: FakeCamera, _: Any) -> str:
    serial = f"<tds:SerialNumber>{camera.serial}</tds:SerialNumber>" if camera.serial else ""
    return (
        "<tds:Manufacturer>Loopback</tds:Manufacturer><tds:Model>Pole &amp; River 2</tds:Model>"
        f"<tds:FirmwareVersion>1.4.2</tds:FirmwareVersion>{serial}<tds:HardwareId>LB-2</tds:HardwareId>"
    )


def _get_services(camera: FakeCamera, _: Any) -> str:
    return "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{camera.xaddr(PATHS[namespace])}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for namespace in camera.services()
    )


def _get_capabilities(camera: FakeCamera, _: Any) -> str:
    names = {"Device": TDS, "Events": TEV, "Imaging": TIMG, "Media": TRT, "PTZ": TPTZ}
    streaming = "<tt:StreamingCapabilities/>"
    events = "".join(
        f"<tt:{name}>true</tt:{name}>"
        for name in (
            "WSSubscriptionPolicySupport",
            "WSPullPointSupport",
            "WSPausableSubscriptionManagerInterfaceSupport",
        )
    )
    extra = {"Media": streaming, "Events": events}
    inside = "".join(
        f"<tt:{name}><tt:XAddr>{camera.xaddr(PATHS[uri])}</tt:XAddr>{extra.get(name, '')}</tt:{name}>"
        for name, uri in names.items()
        if uri in camera.services()
    )
    return f"<tds:Capabilities>{inside}</tds:Capabilities>"


def _interfaces(camera: FakeCamera, _: Any) -> str:
    return (
        '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>'
        f"<tt:HwAddress>{camera.mac}</tt:HwAddress><tt:MTU>1500</tt:MTU></tt:Info>"
        "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:Config><tt:Manual><tt:Address>192.0.2.31</tt:Address>"
        "<tt:PrefixLength>24</tt:PrefixLength></tt:Manual><tt:DHCP>false</tt:DHCP></tt:Config></tt:IPv4>"
        "<tt:IPv6><tt:Enabled>true</tt:Enabled><tt:Config><tt:AcceptRouterAdvert>false</tt:AcceptRouterAdvert>"
        "<tt:DHCP>Off</tt:DHCP><tt:LinkLocal><tt:Address>fe80::2</tt:Address><tt:PrefixLength>64</tt:PrefixLength>"
        "</tt:LinkLocal></tt:Config></tt:IPv6></tds:NetworkInterfaces>"
    )


def _dns(camera: FakeCamera, _: Any) -> str:
    return (
        "<tds:DNSInformation><tt:FromDHCP>false</tt:FromDHCP><tt:DNSManual><tt:Type>IPv4</tt:Type>"
        "<tt:IPv4Address>192.0.2.1</tt:IPv4Address></tt:DNSManual></tds:DNSInformation>"
    )


def _ntp(camera: FakeCamera, _: Any) -> str:
    return (
        "<tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP><tt:NTPManual><tt:Type>DNS</tt:Type>"
        "<tt:DNSname>ntp.example.org</tt:DNSname></tt:NTPManual></tds:NTPInformation>"
    )


def _reboot(camera: FakeCamera, _: Any) -> str:
    camera.rebooting.set()
    return "<tds:Message>Rebooting</tds:Message>"


def _profiles1(camera: FakeCamera, _: Any) -> str:
    return "".join(
        f'<trt:Profiles token="{one.token}" fixed="true"><tt:Name>{one.name}</tt:Name>'
        '<tt:VideoSourceConfiguration token="vsc"><tt:Name>vsc</tt:Name><tt:UseCount>2</tt:UseCount>'
        '<tt:SourceToken>source0</tt:SourceToken><tt:Bounds x="0" y="0" width="1920" height="1080"/>'
        f"</tt:VideoSourceConfiguration>{_encoder1(one)}{_ptz_configuration(camera, 'tt:PTZConfiguration')}</trt:Profiles>"
        for one in camera.profiles
    )


def _encoder1(one: Any) -> str:
    """H.265 cannot be said: the configuration is left out, as a real camera does."""
    if one.codec == "H265":
        return ""
    return (
        '<tt:VideoEncoderConfiguration token="vec"><tt:Name>vec</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{one.codec}</tt:Encoding><tt:Resolution><tt:Width>{one.width}</tt:Width>"
        f"<tt:Height>{one.height}</tt:Height></tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{one.fps:.0f}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>"
        "<tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL>"
        "<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>"
        "</tt:VideoEncoderConfiguration>"
    )


def _ptz_configuration(camera: FakeCamera, name: str) -> str:
    if TPTZ not in camera.services():
        return ""
    return (
        f'<{name} token="ptzc"><tt:Name>ptzc</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:NodeToken>node0</tt:NodeToken></{name}>"
    )


def _profiles2(camera: FakeCamera, request: Any) -> str:
    """Without a Type only names are told, as the standard says."""
    whole = request.findtext(f"{{{TR2}}}Type") == "All"
    return "".join(
        f'<tr2:Profiles token="{one.token}" fixed="true"><tr2:Name>{one.name}</tr2:Name>'
        f"{_configurations(camera, one) if whole else ''}</tr2:Profiles>"
        for one in camera.profiles
    )


def _configurations(camera: FakeCamera, one: Any) -> str:
    return (
        '<tr2:Configurations><tr2:VideoSource token="vsc"><tt:Name>vsc</tt:Name><tt:UseCount>2</tt:UseCount>'
        '<tt:SourceToken>source0</tt:SourceToken><tt:Bounds x="0" y="0" width="1920" height="1080"/></tr2:VideoSource>'
        '<tr2:VideoEncoder token="vec" GovLength="50" Profile="Main"><tt:Name>vec</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{one.codec}</tt:Encoding><tt:Resolution><tt:Width>{one.width}</tt:Width>"
        f'<tt:Height>{one.height}</tt:Height></tt:Resolution><tt:RateControl ConstantBitRate="true">'
        f"<tt:FrameRateLimit>{one.fps}</tt:FrameRateLimit><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
        f"<tt:Quality>4</tt:Quality></tr2:VideoEncoder>{_ptz_configuration(camera, 'tr2:PTZ')}</tr2:Configurations>"
    )


def _profile_asked(camera: FakeCamera, request: Any, namespace: str) -> Any:
    token = request.findtext(f"{{{namespace}}}ProfileToken")
    for one in camera.profiles:
        if one.token == token:
            return one
    raise Fault("NoProfile", f"Profile token {token} does not exist")


def _stream1(camera: FakeCamera, request: Any) -> str:
    one = _profile_asked(camera, request, TRT)
    setup = request.find(f"{{{TRT}}}StreamSetup")
    protocol = None if setup is None else setup.findtext(f"{{{TT}}}Transport/{{{TT}}}Protocol")
    if protocol != "RTSP" or setup.findtext(f"{{{TT}}}Stream") != "RTP-Unicast":
        raise Fault("InvalidStreamSetup", "The stream setup is not supported")
    return _media_uri(camera.stream_uri(one))


def _stream2(camera: FakeCamera, request: Any) -> str:
    one = _profile_asked(camera, request, TR2)
    if request.findtext(f"{{{TR2}}}Protocol") != "RTSP":
        raise Fault("InvalidStreamSetup", "The protocol is not supported")
    return f"<tr2:Uri>{escape(camera.stream_uri(one))}</tr2:Uri>"


def _snapshot1(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TRT)
    return _media_uri(_snapshot_uri(camera))


def _snapshot2(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TR2)
    return f"<tr2:Uri>{escape(_snapshot_uri(camera))}</tr2:Uri>"


def _snapshot_uri(camera: FakeCamera) -> str:
    if camera.quirks.snapshot == "none":
        raise Fault("ActionNotSupported", "Optional action not implemented")
    return camera.snapshot_uri()


def _media_uri(uri: str) -> str:
    return (
        f"<trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT60S</tt:Timeout></trt:MediaUri>"
    )


def _presets(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TPTZ)
    return "".join(
        f'<tptz:Preset token="{token}"><tt:Name>{escape(name)}</tt:Name></tptz:Preset>'
        for token, (name, _) in camera.mount.presets.items()
    )


def _goto(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TPTZ)
    token = request.findtext(f"{{{TPTZ}}}PresetToken")
    if token not in camera.mount.presets:
        raise Fault("NoToken", f"Preset token {token} does not exist")
    camera.mount.goto(camera.mount.presets[token][1])
    return ""


def _move(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TPTZ)
    velocity = request.find(f"{{{TPTZ}}}Velocity")
    timeout = request.findtext(f"{{{TPTZ}}}Timeout") or "PT10S"
    pan_tilt, zoom = velocity.find(f"{{{TT}}}PanTilt"), velocity.find(f"{{{TT}}}Zoom")
    pan, tilt = (0.0, 0.0) if pan_tilt is None else (float(pan_tilt.get("x")), float(pan_tilt.get("y")))
    speed = (pan, tilt, 0.0 if zoom is None else float(zoom.get("x")))
    camera.mount.move(speed, float(timeout.removeprefix("PT").removesuffix("S")))
    return ""


def _stop(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TPTZ)
    camera.mount.stop()
    return ""


def _status(camera: FakeCamera, request: Any) -> str:
    _profile_asked(camera, request, TPTZ)
    pan, tilt, zoom = camera.mount.position
    state = "MOVING" if camera.mount.moving else "IDLE"
    utc = datetime.fromtimestamp(camera.clock_ms() // 1000, UTC)
    return (
        f'<tptz:PTZStatus><tt:Position><tt:PanTilt x="{pan:.4f}" y="{tilt:.4f}" space="{_GENERIC}"/>'
        f'<tt:Zoom x="{zoom:.4f}" space="{_GENERIC_ZOOM}"/></tt:Position><tt:MoveStatus><tt:PanTilt>{state}</tt:PanTilt>'
        f"<tt:Zoom>{state}</tt:Zoom></tt:MoveStatus><tt:UtcTime>{utc:%Y-%m-%dT%H:%M:%SZ}</tt:UtcTime></tptz:PTZStatus>"
    )


def _source_asked(request: Any) -> None:
    if request.findtext(f"{{{TIMG}}}VideoSourceToken") != "source0":
        raise Fault("NoSource", "The video source does not exist")


_IMAGING = ("Brightness", "ColorSaturation", "Contrast", "IrCutFilter", "Sharpness")


def _get_imaging(camera: FakeCamera, request: Any) -> str:
    _source_asked(request)
    inside = "".join(f"<tt:{name}>{camera.imaging[name]}</tt:{name}>" for name in _IMAGING)
    return f"<timg:ImagingSettings>{inside}</timg:ImagingSettings>"


def _set_imaging(camera: FakeCamera, request: Any) -> str:
    _source_asked(request)
    settings = request.find(f"{{{TIMG}}}ImagingSettings")
    wanted = {element.tag.removeprefix(f"{{{TT}}}"): element.text for element in settings}
    if list(wanted) != [name for name in _IMAGING if name in wanted]:
        raise Fault("SettingsInvalid", "Settings out of order or unknown")
    numbers = (float(value) for name, value in wanted.items() if name != "IrCutFilter")
    if any(not 0 <= number <= 100 for number in numbers):
        raise Fault("SettingsInvalid", "The requested settings are incorrect")
    camera.imaging.update(wanted)
    return ""


_OPERATIONS = {
    (TDS, "GetSystemDateAndTime"): _get_time,
    (TDS, "SetSystemDateAndTime"): _set_time,
    (TDS, "GetDeviceInformation"): _information,
    (TDS, "GetServices"): _get_services,
    (TDS, "GetCapabilities"): _get_capabilities,
    (TDS, "GetNetworkInterfaces"): _interfaces,
    (TDS, "GetDNS"): _dns,
    (TDS, "GetNTP"): _ntp,
    (TDS, "SystemReboot"): _reboot,
    (TRT, "GetProfiles"): _profiles1,
    (TRT, "GetStreamUri"): _stream1,
    (TRT, "GetSnapshotUri"): _snapshot1,
    (TR2, "GetProfiles"): _profiles2,
    (TR2, "GetStreamUri"): _stream2,
    (TR2, "GetSnapshotUri"): _snapshot2,
    (TPTZ, "GetPresets"): _presets,
    (TPTZ, "GotoPreset"): _goto,
    (TPTZ, "ContinuousMove"): _move,
    (TPTZ, "Stop"): _stop,
    (TPTZ, "GetStatus"): _status,
    (TIMG, "GetImagingSettings"): _get_imaging,
    (TIMG, "SetImagingSettings"): _set_imaging,
}
