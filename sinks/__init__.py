"""sinks (碳汇地图): forest and wetland carbon sinks by county, with their uncertainty."""

__version__ = "0.1.0"
