"""Captions for labelled pictures: what people might write of a picture of that class."""

from __future__ import annotations

# Other words for CIFAR-10's classes; the words of HELD_BACK are for measuring and never trained on.
WORDS = {
    "airplane": ("airplane", "plane", "aeroplane", "jet", "aircraft"),
    "automobile": ("automobile", "car", "sports car", "motor car", "vehicle on a road"),
    "bird": ("bird", "small bird", "bird on a branch", "ostrich", "songbird"),
    "cat": ("cat", "house cat", "tabby cat", "cat's face", "kitty"),
    "deer": ("deer", "stag", "deer with antlers", "doe", "elk"),
    "dog": ("dog", "small dog", "dog's head", "hound", "terrier"),
    "frog": ("frog", "tree frog", "green frog", "bullfrog", "amphibian"),
    "horse": ("horse", "brown horse", "mare", "stallion", "horse in a field"),
    "ship": ("ship", "boat", "ship at sea", "freighter", "vessel on the water"),
    "truck": ("truck", "fire truck", "dump truck", "pickup truck", "big rig"),
}
HELD_BACK = {
    "airplane": "an airliner above the clouds",
    "automobile": "our neighbours' old sedan",
    "bird": "the robin that sang this morning",
    "cat": "a sleeping kitten",
    "deer": "a fawn in the woods",
    "dog": "my puppy, outside",
    "frog": "a toad beside the pond",
    "horse": "a pony and its rider",
    "ship": "the ferry leaving the harbour",
    "truck": "a lorry full of gravel",
}
FORMS = (
    "a picture of {}",
    "a photo of {}",
    "{}",
    "a photograph of {}",
    "{} outdoors",
    "a close-up of {}",
    "a blurry {}",
)


def captions_of(name: str) -> list[str]:
    """Every form with every word of a class; a class that is not CIFAR-10's has its name alone."""
    made = []
    for word in WORDS.get(name, (name.replace("_", " "),)):
        article = "an" if word[0] in "aeiou" else "a"
        made += [form.format(word if form.startswith("a blurry") else f"{article} {word}") for form in FORMS]
    return made
