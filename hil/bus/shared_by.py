"""How the users of a slot share their symbols, as a grant and an overview tell it."""

import msgspec


class SharedBy(msgspec.Struct, tag="SharedBy", frozen=True, forbid_unknown_fields=True):
    """form: what `models.sharing` names it; reason: a sentence.

    predicted_psnr_db: mean over the users, predicted_worst_db: of the worst; None where nothing is known. generated:
    why these are the symbols of a coarse code, from which the receiver generates pictures; "": they are of pictures.
    """

    form: str
    reason: str
    predicted_psnr_db: float | None = None
    predicted_worst_db: float | None = None
    generated: str = ""
