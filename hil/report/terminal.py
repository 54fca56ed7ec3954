"""The figures of a run on the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.report.words import EVENTS
from hil.results.summary import SCORES

_COLUMNS = ("user", "decoded", "PSNR dB", "of sent", "SSIM", "ideal dB", "loss dB", "CFO rms Hz")
_OF_RADIOS = ("late", "underflow", "overflow", "sequence_error", "lost_lock")  # whose remedies are told here too


def print_summary(summary: dict[str, Any], console: Console) -> None:
    """Print a row per user and one for all, then what is missing and what happened."""
    # Text, not str: a codec's name with brackets is no markup.
    names = [one["name"] for one in summary["modalities"]]
    what = summary["codec"] if not names or "picture" in names else ", ".join(names)
    title = Text(f"{what}, {summary['channel']}, SNR {_number(summary['snr_db'], 1)} dB")
    table = Table(title=title, title_justify="left")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for user in summary["per_user"]:
        table.add_row(str(user["user"]), *_figures(user), _number(user["cfo_hz_rms"], 1))
    table.add_section()
    table.add_row("all", *_figures(summary), "")
    console.print(table)
    if any(user["images_decoded"] < user["images_sent"] for user in summary["per_user"]):
        console.print("of sent: PSNR over all pictures sent, a lost one as plain grey", highlight=False)
    for other in summary["modalities"]:
        if other["name"] != "picture":
            unit = f" {other['score_unit']}" if other["score_unit"] else ""
            score, delivered, ideal = (_number(other[name], 2) for name in SCORES)
            text = f"{other['name']}: {other['score_name']} {score}{unit}, of sent {delivered}, ideal {ideal}"
            console.print(Text(text), highlight=False)
    for user in summary["per_user"]:
        if user["loops"] and user["locked_from_frame"] is None:
            console.print(f"user {user['user']}: {loops_sentence(user)}", highlight=False)
    seconds, rate = _number(summary["wall_s"], 1), _number(summary["images_per_s"], 2)
    console.print(f"{summary['images_sent']} images in {seconds} s, {rate} per second", highlight=False)
    if (overhead := summary.get("overhead")) is not None:
        console.print(f"preamble, training and headers: {100 * overhead:.1f} % of a burst", highlight=False)
    if summary["sharing"]:
        ways = ", ".join(f"{way['form']} in {way['frames']} frames" for way in summary["sharing"])
        console.print(f"users shared: {ways}", highlight=False)
    if (bits := summary["bits"]) is not None:
        lost, sent = bits["frames_lost"], bits["frames_sent"]
        text = f"protected bits: {lost} of {sent} lost, {bits['symbols']:.1f} OFDM symbols on average"
        console.print(text, style="yellow" if lost else None, highlight=False)
    for sentence in meaning_sentences(summary):
        console.print(Text(sentence), highlight=False)
    if summary["missing"]:
        total = summary["users"] * summary["frames"]
        count = len(summary["missing"])
        console.print(f"{count} of {total} images are missing; --resume goes on.", style="yellow")
    if summary["deadline_misses"] is not None:
        misses, passes = summary["deadline_misses"], _number(summary["refine_passes"], 1)
        text = (
            f"deadline {summary['deadline_ms']:g} ms: missed by {misses} images, {passes} refinement passes on average"
        )
        console.print(text, style="yellow" if misses else None, highlight=False)
    if summary["live"]:
        console.print(_live_sentence(summary["live"]), highlight=False)
    happened = ", ".join(f"{kind} {count}" for kind, count in summary["events"].items() if count)
    if happened:
        console.print(Text(f"events: {happened}", style="yellow"))
        for kind in _OF_RADIOS:
            if summary["events"].get(kind):
                console.print(Text(f"{kind}: {EVENTS[kind]}"))


def meaning_sentences(summary: dict[str, Any]) -> list[str]:
    """Of generated pictures and of labels read from symbols, where a run has them."""
    sentences = []
    if made := summary["generated"]:
        agree = "" if made["class_agreement"] is None else f", class agreement {100 * made['class_agreement']:.0f} %"
        words = "" if made["caption_similarity"] is None else f", captions {made['caption_similarity']:.2f} alike"
        seen = "" if made["st_lpips"] is None else f", st-lpips {made['st_lpips']:.3f}"
        sentences.append(f"generated: {made['generated']} of {made['sent']} pictures{agree}{words}{seen}")
    if (task := summary["task"]) and task["checked"]:
        sentences.append(f"labels from symbols: {100 * task['accuracy']:.1f} % of {task['checked']} right")
    elif task:
        sentences.append(f"labels from symbols: {task['labelled']}, no label was sent to check them by")
    return sentences


def _live_sentence(live: dict[str, Any]) -> str:
    """Of a video: how many pictures came how late."""
    total = live["total_ms"]
    age = f"shown {total['p50']:.0f} ms after capture (median), {total['p99']:.0f} ms (99 %)" if total else "shown"
    rates = ", ".join(_number(user["pictures_per_s"], 1) for user in live["per_user"])
    return f"video: {age}; {rates} pictures a second by user; {live['dropped']} dropped, {live['repeated']} repeated"


def loops_sentence(user: dict[str, Any]) -> str:
    """The coordinator's loops for one user at the end of the run."""
    states = ", ".join(f"{loop} {state}" for loop, state in user["loops"].items())
    since = user["locked_from_frame"]
    return states if since is None else f"{states}; all of them from frame {since} on"


def _figures(part: dict[str, Any]) -> list[str]:
    """Cells that a user and the whole run have alike."""
    return [
        f"{part['images_decoded']}/{part['images_sent']}",
        _number(part["psnr_db"], 2),
        _number(part["delivered_psnr_db"], 2),
        _number(part["ssim"], 3),
        _number(part["ideal_psnr_db"], 2),
        _number(part["implementation_loss_db"], 2),
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
