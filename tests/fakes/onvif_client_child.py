"""onvif-zeep-async, a client that is not ours, against a camera: prints what it understood, as JSON.

It checks every answer against the WSDL of the standard. A process of its own: importing it sets up logging
and changes the environment.
"""

from __future__ import annotations

import asyncio
import json
import sys

from onvif import ONVIFCamera


async def main(host: str, port: int, user: str, password: str) -> None:
    camera = ONVIFCamera(host, port, user, password, no_cache=True, adjust_time=True)
    try:
        await camera.update_xaddrs()
        device = await camera.create_devicemgmt_service()
        media = await camera.create_media_service()
        ptz = await camera.create_ptz_service()
        imaging = await camera.create_imaging_service()
        profiles = await media.GetProfiles()
        token = {"ProfileToken": profiles[0].token}
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        uri = await media.GetStreamUri({"StreamSetup": setup, **token})
        interfaces = await device.GetNetworkInterfaces()
        source = {"VideoSourceToken": profiles[0].VideoSourceConfiguration.SourceToken}
        told = {
            "model": (await device.GetDeviceInformation()).Model,
            "profiles": [profile.token for profile in profiles],
            "width": profiles[0].VideoEncoderConfiguration.Resolution.Width,
            "stream": uri.Uri,
            "snapshot": await camera.get_snapshot_uri(profiles[0].token),
            "presets": [preset.Name for preset in await ptz.GetPresets(token)],
            "pan": (await ptz.GetStatus(token)).Position.PanTilt.x,
            "brightness": (await imaging.GetImagingSettings(source)).Brightness,
            "address": interfaces[0].IPv4.Config.Manual[0].Address,
            "capabilities": sorted(name for name, told in (await camera.get_capabilities()).items() if told),
        }
    finally:
        await camera.close()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
