"""What a service may do and for whom; what would be unsafe is refused before a port is opened."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import UsageError

_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How a catalog is served.

    keys: the file of `mediafm keys`; without it nobody is asked who they are, which is for this machine alone.
    tls_cert, tls_key: PEM files. behind_proxy: TLS ends at a proxy in front, which may say who calls.
    films: a folder whose films jobs may ingest; without it there are no ingest jobs. runs: a folder below which runs,
    probe results and ablations lie, to be looked at.
    max_body_bytes: of a request. most_hits: `k` at most. rate_per_s, burst: requests of one caller. concurrency:
    requests at work at the same time; streams: films being played, jobs being watched and long answers being read.
    connections, connections_each: open at the same time, all together and of one address; beyond that, those that ask
    nothing are closed, longest idle first. idle_s: how long one may take to ask something; stall_s: to read
    on in an answer. stop_s: in which what is at work has to end after the service was told to stop.
    audit: file that every refusal and every change is written to, a JSON line each.
    probes: a folder of saved probes, whose tags titles are shown with.
    preset: the preset file that the catalog was made with, if it was made with one: its encoders read words, pictures
    and sounds, and jobs ingest by it.
    """

    host: str = "127.0.0.1"
    port: int = 8780
    keys: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    films: Path | None = None
    runs: Path | None = None
    max_body_bytes: int = 8 << 20
    most_hits: int = 1000
    rate_per_s: float = 50.0
    burst: int = 200
    concurrency: int = 32
    streams: int = 256
    connections: int = 8192
    connections_each: int = 1024
    idle_s: float = 10.0
    stall_s: float = 30.0
    stop_s: float = 15.0
    audit: Path | None = None
    probes: Path | None = None
    preset: Path | None = None

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("TLS takes a certificate and its key.", "Give both --tls-cert and --tls-key.")
        for file in (self.keys, self.tls_cert, self.tls_key, self.preset):
            if file is not None and not file.is_file():
                raise UsageError(
                    f"There is no file {file}.", "Check the path; `mediafm keys add` makes a file of keys."
                )
        if self.films is not None and not self.films.is_dir():
            raise UsageError(f"There is no folder {self.films}.", "Name the folder that films are ingested from.")
        if self.probes is not None and not self.probes.is_dir():
            raise UsageError(
                f"There is no folder {self.probes}.",
                "Name the folder that holds what `mediafm probe --out` has written.",
            )
        if self.runs is not None and not self.runs.is_dir():
            raise UsageError(f"There is no folder {self.runs}.", "Name a folder below which runs or probe results lie.")
        least = min(self.max_body_bytes, self.most_hits, self.burst, self.concurrency, self.streams)
        least = min(least, self.connections, self.connections_each)
        if least < 1 or not self.rate_per_s > 0 or not self.stop_s >= 0 or not 0 <= self.port < 65536:
            raise UsageError("A limit of the service is not positive, or the port is none.", "Check the limits.")
        if not self.is_local:
            self._require_safety()

    def _require_safety(self) -> None:
        if self.keys is None:
            raise UsageError(
                f"At {self.host} anyone could read the catalog.",
                "Make keys with `mediafm keys add NAME --keys FILE` and serve with --keys FILE, or serve 127.0.0.1.",
            )
        if self.tls_cert is None and not self.behind_proxy:
            raise UsageError(
                f"At {self.host} keys would cross the network in the clear.",
                "Give --tls-cert and --tls-key, or --behind-proxy where a proxy in front ends TLS.",
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == _LOCAL
