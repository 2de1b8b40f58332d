"""API routes of the measures."""

from measures.api import MeasuresViewSet, MigrationViewSet

routes = [("measures", MeasuresViewSet, "measures"), ("migration", MigrationViewSet, "migration")]
