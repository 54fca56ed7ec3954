"""Captions by the packaged classifier: ten kinds of things, and no more.

Found by the entry point ``classifier``, as captioners of other packages are, because a transmitter does without torch.
"""

from hil.errors import UsageError
from hil.language.table import described
from models.errors import ModelError
from models.images import Picture

LEAST_CHANCE = 0.5  # below which nothing is said


class Guesses:
    """What the classifier takes a picture for, where it is sure. It knows nothing beside its classes: a picture of
    something else gets a wrong caption or none.
    """

    def __init__(self, name: str = "") -> None:
        """name: of another classifier, or its folder. Raises UsageError when it or torch is not there."""
        try:
            from models.classifier import DEFAULT_CLASSIFIER, PictureClassifier
        except ImportError:
            raise UsageError('captions by the classifier need torch: pip install "semnoma-hil[rx]".') from None
        try:
            self._classifier = PictureClassifier.load(name or DEFAULT_CLASSIFIER, "cpu")
        except ModelError as error:
            raise UsageError(str(error)) from error

    def describe(self, picture: Picture, index: int) -> str:
        """An empty string where no class is likelier than all others together."""
        chances = self._classifier.chances(picture.pixels[None])[0]
        best = int(chances.argmax())
        return described(self._classifier.names[best]) if chances[best] > LEAST_CHANCE else ""
