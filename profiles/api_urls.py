"""API routes of profiles and prospects."""

from profiles.api import FieldViewSet, ProfileViewSet
from profiles.api_prospects import ProspectViewSet

routes = [
    ("profiles", ProfileViewSet, "profile"),
    ("profile-fields", FieldViewSet, "profile-field"),
    ("prospects", ProspectViewSet, "prospect"),
]
