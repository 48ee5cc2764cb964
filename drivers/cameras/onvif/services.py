"""Which ONVIF services a camera has and where, and how they are asked."""

from __future__ import annotations

from urllib.parse import urlunsplit

from drivers.cameras.onvif.envelope import NAMESPACES, Element, every, text
from drivers.cameras.onvif.session import DEVICE_PATH, Request, Session
from drivers.cameras.onvif.wire import split_address
from drivers.errors import Garbled, LinkError, Refused, Unauthorised

_TITLES = {"trt": "media", "tr2": "media", "tptz": "PTZ", "timg": "imaging", "tev": "event"}
_CAPABILITIES = {"Device": "tds", "Media": "trt", "PTZ": "tptz", "Imaging": "timg", "Events": "tev"}


class Services:
    """`paths` maps a namespace to a path; before `find` only the device service is known."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.paths: dict[str, str] = {NAMESPACES["tds"]: DEVICE_PATH}

    def offers(self, prefix: str) -> bool:
        """Whether the camera has the service with this prefix of NAMESPACES."""
        return NAMESPACES[prefix] in self.paths

    async def ask(
        self, prefix: str, operation: str, inside: str = "", *, repeat: bool = True, settle: bool = True
    ) -> Element:
        """Call an operation, with `inside` as the content of its element; its answer's element.

        Raises:
            Refused: the camera has no such service; else as `Session.call`.
        """
        namespace = NAMESPACES[prefix]
        if namespace not in self.paths:
            raise Refused(f"{self.session.wire.where}: the camera has no {_TITLES.get(prefix)} service", 0)
        request = Request(
            url=self.session.wire.url(self.paths[namespace]),
            action=f"{namespace}/{operation}",
            body=f"<{prefix}:{operation}>{inside}</{prefix}:{operation}>",
            repeat=repeat,
        )
        return await self.session.call(request, settle=settle)

    async def find(self) -> None:
        """Ask by GetServices, and by GetCapabilities where the camera does not know that or names none.

        The camera's own address in them is not believed: only the path is kept.
        """
        try:
            answer = await self.ask("tds", "GetServices", _WITHOUT_CAPABILITIES)
            found = {text(one, "Namespace"): text(one, "XAddr") for one in every(answer, "Service")}
        except (Unauthorised, LinkError):
            raise
        except (Refused, Garbled):
            found = {}
        if not found.keys() - {NAMESPACES["tds"], ""}:
            found |= await self._capabilities()
        paths = {namespace: _path(address) for namespace, address in found.items() if namespace and address}
        self.paths = {NAMESPACES["tds"]: DEVICE_PATH} | paths

    async def _capabilities(self) -> dict[str, str]:
        answer = await self.ask("tds", "GetCapabilities", "<tds:Category>All</tds:Category>")
        return {
            NAMESPACES[prefix]: text(answer, f"Capabilities/{name}/XAddr")
            for name, prefix in _CAPABILITIES.items()
        }


def _path(address: str) -> str:
    parts = split_address(address)
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))


_WITHOUT_CAPABILITIES = "<tds:IncludeCapability>false</tds:IncludeCapability>"
