"""The attributes of an AD9361 behind libiio: names, values, limits; and the context as XML."""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

EINVAL, ENOENT, EACCES = 22, 2, 13

Key = tuple[str, str, str]  # device, "" | "in:voltage0" | "out:altvoltage0" | "debug", attribute


class Refused(Exception):
    """A value that the driver does not take; errno is what the client sees."""

    def __init__(self, errno: int = EINVAL) -> None:
        super().__init__(errno)
        self.errno = errno


@dataclass
class Attribute:
    """One attribute. limits: (low, high) of a number; choices: of a word; fixed: cannot be written."""

    value: str
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] | None = None
    fixed: bool = False
    step: float | None = None
    unit: str = ""

    def write(self, text: str) -> None:
        if self.fixed:
            raise Refused(EACCES)
        if self.choices is not None and text not in self.choices:
            raise Refused
        if self.limits is not None:
            try:
                number = float(text.removesuffix(self.unit).strip())
            except ValueError:
                raise Refused from None
            if not self.limits[0] <= number <= self.limits[1]:
                raise Refused
            step = self.step or 1.0
            number = round(number / step) * step
            text = f"{number:.6f}{self.unit}" if self.step else f"{int(number)}"
        self.value = text


DTD = (
    "<!DOCTYPE context [<!ELEMENT context (device | context-attribute)*><!ELEMENT context-attribute EMPTY>"
    "<!ELEMENT device (channel | attribute | debug-attribute | buffer-attribute)*>"
    "<!ELEMENT channel (scan-element?, attribute*)><!ELEMENT attribute EMPTY><!ELEMENT scan-element EMPTY>"
    "<!ELEMENT debug-attribute EMPTY><!ELEMENT buffer-attribute EMPTY>"
    "<!ATTLIST context name CDATA #REQUIRED description CDATA #IMPLIED>"
    "<!ATTLIST context-attribute name CDATA #REQUIRED value CDATA #REQUIRED>"
    "<!ATTLIST device id CDATA #REQUIRED name CDATA #IMPLIED>"
    "<!ATTLIST channel id CDATA #REQUIRED type (input|output) #REQUIRED name CDATA #IMPLIED>"
    "<!ATTLIST scan-element index CDATA #REQUIRED format CDATA #REQUIRED scale CDATA #IMPLIED>"
    "<!ATTLIST attribute name CDATA #REQUIRED filename CDATA #IMPLIED>"
    "<!ATTLIST debug-attribute name CDATA #REQUIRED><!ATTLIST buffer-attribute name CDATA #REQUIRED>]>"
)
PHY, DDS, LPC = "iio:device0", "iio:device1", "iio:device2"
NAMES = {PHY: "ad9361-phy", DDS: "cf-ad9361-dds-core-lpc", LPC: "cf-ad9361-lpc"}
RATE_LIMITS_HZ, FIR_RATE_LIMITS_HZ = (2083333.0, 61440000.0), (520833.0, 61440000.0)
LO_LIMITS_HZ = (325e6, 3800e6)
RX_GAIN_LIMITS_DB, TX_GAIN_LIMITS_DB = (-3.0, 71.0), (-89.75, 0.0)


@dataclass
class AttributeTable:
    """Every attribute of the context; `hooks` run after a value has changed."""

    channels: int = 1
    values: dict[Key, Attribute] = field(default_factory=dict)
    hooks: dict[str, Callable[[str], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rate = Attribute("30720000", RATE_LIMITS_HZ)
        self.rate = rate
        for number in range(self.channels):
            self._rx_channel(f"in:voltage{number}", rate)
            self._tx_channel(f"out:voltage{number}", rate)
        for place, name in enumerate(("RX_LO", "TX_LO")):
            lo = f"out:altvoltage{place}"
            self._add(PHY, lo, "frequency", Attribute("2400000000", LO_LIMITS_HZ))
            self._add(PHY, lo, "frequency_available", Attribute("[325000000 1 3800000000]", fixed=True))
            self._add(PHY, lo, "powerdown", Attribute("0", choices=("0", "1")))
            self._add(PHY, lo, "label", Attribute(name, fixed=True))
        self._add(PHY, "in:out", "voltage_filter_fir_en", Attribute("0", choices=("0", "1")))
        for name, value in {"filter_fir_config": "FIR Rx: 0,0 Tx: 0,0", "ensm_mode": "fdd", "calib_mode": "auto",
                            "xo_correction": "40000000", "trx_rate_governor": "nominal"}.items():  # fmt: skip
            self._add(PHY, "", name, Attribute(value))
        paths = "BBPLL:983040000 DAC:122880000 T2:122880000 T1:61440000 TF:30720000 TXSAMP:30720000"
        self._add(PHY, "", "tx_path_rates", Attribute(paths, fixed=True))
        self._add(PHY, "", "rx_path_rates", Attribute(paths.replace("TX", "RX"), fixed=True))
        self._add(PHY, "debug", "loopback", Attribute("0", choices=("0", "1", "2")))
        for device in NAMES:
            self._add(device, "debug", "direct_reg_access", Attribute("0x0"))
        for device, side in ((LPC, "in"), (DDS, "out")):
            rates = Attribute("30720000 3840000", fixed=True)
            for number in range(2 * self.channels):
                self._add(device, f"{side}:voltage{number}", "sampling_frequency", Attribute("30720000"))
                self._add(device, f"{side}:voltage{number}", "sampling_frequency_available", rates)
        for number in range(4 * self.channels):
            for name, value in {"raw": "1", "scale": "0.000000", "frequency": "1000000", "phase": "0"}.items():
                self._add(DDS, f"out:altvoltage{number}", name, Attribute(value))

    def _add(self, device: str, channel: str, name: str, attribute: Attribute) -> None:
        self.values[(device, channel, name)] = attribute

    def _rx_channel(self, channel: str, rate: Attribute) -> None:
        modes = ("manual", "fast_attack", "slow_attack", "hybrid")
        self._add(PHY, channel, "hardwaregain", Attribute("71.000000 dB", RX_GAIN_LIMITS_DB, step=1.0, unit=" dB"))
        self._add(PHY, channel, "hardwaregain_available", Attribute("[-3 1 71]", fixed=True))
        self._add(PHY, channel, "gain_control_mode", Attribute("slow_attack", choices=modes))
        self._add(PHY, channel, "gain_control_mode_available", Attribute(" ".join(modes), fixed=True))
        self._add(PHY, channel, "rssi", Attribute("100.00 dB", fixed=True))
        for name in ("quadrature_tracking_en", "rf_dc_offset_tracking_en", "bb_dc_offset_tracking_en"):
            self._add(PHY, channel, name, Attribute("1", choices=("0", "1")))
        self._common(channel, rate)

    def _tx_channel(self, channel: str, rate: Attribute) -> None:
        gain = Attribute("-10.000000 dB", TX_GAIN_LIMITS_DB, step=0.25, unit=" dB")
        self._add(PHY, channel, "hardwaregain", gain)
        self._add(PHY, channel, "hardwaregain_available", Attribute("[-89.750000 0.250000 0.000000]", fixed=True))
        self._common(channel, rate)

    def _common(self, channel: str, rate: Attribute) -> None:
        self._add(PHY, channel, "rf_bandwidth", Attribute("18000000", (200e3, 56e6)))
        self._add(PHY, channel, "rf_bandwidth_available", Attribute("[200000 1 56000000]", fixed=True))
        self._add(PHY, channel, "sampling_frequency", rate)
        self._add(PHY, channel, "sampling_frequency_available", Attribute("[2083333 1 61440000]", fixed=True))

    def read(self, key: Key) -> str:
        if key not in self.values:
            raise Refused(ENOENT)
        return self.values[key].value

    def write(self, key: Key, text: str) -> None:
        """Take the value as the driver does, or raise Refused."""
        if key not in self.values:
            raise Refused(ENOENT)
        attribute = self.values[key]
        if attribute is self.rate:
            fir = self.values[(PHY, "in:out", "voltage_filter_fir_en")].value == "1"
            attribute.limits = FIR_RATE_LIMITS_HZ if fir else RATE_LIMITS_HZ
        attribute.write(text)
        hook = self.hooks.get(key[2])
        if hook is not None:
            hook(text)

    def number(self, device: str, channel: str, name: str) -> float:
        return float(self.values[(device, channel, name)].value.split()[0])

    def xml(self) -> str:
        """The context's description as iiod sends it."""
        head = f'<?xml version="1.0" encoding="utf-8"?>{DTD}<context name="network" description="emulated" >'
        facts = {"hw_model": "Emulated PlutoSDR", "fw_version": "v0.38", "ad9361-phy,model": "ad9363a"}
        parts = [head, *(f"<context-attribute name={quoteattr(n)} value={quoteattr(v)} />" for n, v in facts.items())]
        for device, name in NAMES.items():
            parts.append(f'<device id="{device}" name="{name}" >')
            mine = [key for key in self.values if key[0] == device]
            for channel in dict.fromkeys(key[1] for key in mine if ":" in key[1]):
                parts.append(self._channel_xml(device, channel))
            parts += [f'<attribute name="{key[2]}" />' for key in mine if key[1] == ""]
            parts += [f'<debug-attribute name="{key[2]}" />' for key in mine if key[1] == "debug"]
            parts.append("</device>")
        return "".join([*parts, "</context>"])

    def _channel_xml(self, device: str, channel: str) -> str:
        side, name = channel.split(":")
        direction = "output" if side == "out" else "input"
        scan = ""
        if device != PHY and name.startswith("voltage"):
            layout = "le:S12/16&gt;&gt;0" if device == LPC else "le:S16/16&gt;&gt;0"
            scan = f'<scan-element index="{name.removeprefix("voltage")}" format="{layout}" />'
        prefix = "out" if side == "out" else "in"
        attributes = "".join(
            f'<attribute name="{key[2]}" filename="{prefix}_{name}_{key[2]}" />'
            for key in self.values
            if key[0] == device and key[1] == channel
        )
        return f'<channel id="{name}" type="{direction}" >{scan}{attributes}</channel>'
