"""A small classifier of pictures: the judge of class accuracy, and the captioner that needs no download."""

from models.classifier.classifier import CLASSIFIER_ARCHITECTURE, DEFAULT_CLASSIFIER, PictureClassifier

__all__ = ["CLASSIFIER_ARCHITECTURE", "DEFAULT_CLASSIFIER", "PictureClassifier"]
