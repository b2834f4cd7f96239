"""Renderers: one picture with its legend for each kind of evidence."""

from interp.method import Renderer
from interp_standard.render.channel import ChannelRenderer
from interp_standard.render.curve import CurveRenderer
from interp_standard.render.gallery import GalleryRenderer
from interp_standard.render.heatmap import HeatmapRenderer, TileRenderer
from interp_standard.render.matrix import MatrixRenderer
from interp_standard.render.part_map import PartMapsRenderer
from interp_standard.render.pathway import PathwayRenderer
from interp_standard.render.regions import RegionsRenderer
from interp_standard.render.table import TableRenderer

RENDERERS: dict[str, Renderer] = {
    "heatmap": HeatmapRenderer(),
    "regions": RegionsRenderer(),
    "channel_importance": ChannelRenderer(),
    "pathway": PathwayRenderer(),
    "part_maps": PartMapsRenderer(),
    "matrix": MatrixRenderer(),
    "gallery": GalleryRenderer(),
    "table": TableRenderer(),
    "curve": CurveRenderer(),
    "tile": TileRenderer(),
}
