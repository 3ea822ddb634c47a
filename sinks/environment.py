"""The surroundings of GDAL and PROJ, locked: no network, no plug-ins, no files but those named.

A process holds three copies of these libraries: rasterio's, pyogrio's and pyproj's. All of them
take orders from environment variables, which other programs leave behind (`PROJ_LIB` of a database,
`GTIFF_IGNORE_READ_ERRORS` of a batch script). `lock` takes these away before any of them is loaded
and puts ours in their place; it is for the command line, whose process is ours. As a library sinks
leaves the process alone and sets `GDAL_OPTIONS` around its own calls only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

#: For every call of either GDAL. What is not said here is kept out by `lock` alone.
GDAL_OPTIONS: Final[Mapping[str, str]] = {
    # Nothing beside a file is read: no world file, .aux.xml, .msk or .ovr overrides what it says.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    # A tile that cannot be read is an error, not zeros; a file that shrinks is not mapped.
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GTIFF_DIRECT_IO": "NO",
    "GTIFF_VIRTUAL_MEM_IO": "NO",
    "GTIFF_POINT_GEO_IGNORE": "NO",
    "SHAPE_RESTORE_SHX": "NO",
    # No programs in data and no plug-ins.
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "GDAL_DRIVER_PATH": "disable",
    # No network: no extension is allowed, and the only way out is a port where nobody listens.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTPS_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "PROJ_NETWORK": "OFF",
}
#: Drivers that stay: one to read each format, MEM for GDAL's own use, MVT to write tiles.
KEPT_DRIVERS: Final = ("GTiff", "COG", "GPKG", "ESRI Shapefile", "MEM", "Memory", "MVT")
#: All others that GDAL 3.8 to 3.12 can have. A test finds new ones when GDAL is upgraded.
SKIPPED_DRIVERS: Final = (
    "AAIGrid,ACE2,ADBC,ADRG,AIG,AIVector,AVCBin,AVCE00,AVIF,AirSAR,AmigoCloud,Arrow,BAG,BASISU,"
    "BIGGIF,BLX,BMP,BSB,BT,BYN,CAD,CALS,CEOS,COASP,COSAR,CPG,CSV,CSW,CTG,CTable2,Carto,DAAS,DDS,"
    "DERIVED,DGN,DIMAP,DIPEx,DOQ1,DOQ2,DTED,DWG,DXF,ECRGTOC,ECW,EDIGEO,EEDA,EEDAI,EHdr,EIR,ELAS,"
    "ENVI,ERS,ESAT,ESRIC,ESRIJSON,EXR,Elasticsearch,FAST,FIT,FITS,FileGDB,FlatGeobuf,GDALG,GEORASTER,"
    "GFF,GIF,GML,GMLAS,GNMDatabase,GNMFile,GPSBabel,GPX,GRASSASCIIGrid,GRIB,GS7BG,GSAG,GSBG,GSC,GTFS,"
    "GTI,GTX,GXF,GenBin,GeoJSON,GeoJSONSeq,GeoRSS,HANA,HDF4,HDF4Image,HDF5,HDF5Image,HEIF,HF2,HFA,"
    "HTTP,ILWIS,IRIS,ISCE,ISG,ISIS2,ISIS3,Idrisi,Interlis 1,Interlis 2,JAXAPALSAR,JDEM,JML,JP2ECW,"
    "JP2KAK,JP2OpenJPEG,JPEG,JPEGXL,JSONFG,KEA,KML,KMLSUPEROVERLAY,KRO,KTX2,L1B,LAN,LCP,LIBERTIFF,"
    "LIBKML,LOSLAS,LVBAG,Leveller,MAP,MBTiles,MFF,MFF2,MRF,MSGN,MSSQLSpatial,MapInfo File,"
    "MapML,MiraMonRaster,MiraMonVector,MongoDBv3,MrSID,MySQL,NAS,NDF,NGSGEOID,NGW,NITF,NOAA_B,"
    "NSIDCbin,NTv2,NWT_GRC,NWT_GRD,OAPIF,OCI,ODBC,ODS,OGCAPI,OGR_GMT,OGR_PDS,OGR_VRT,OSM,OZI,OpenFileGDB,PAux,"
    "PCIDSK,PCRaster,PDF,PDS,PDS4,PGDUMP,PGeo,PLMOSAIC,PLSCENES,PMTiles,PNG,PNM,PRF,Parquet,"
    "PostGISRaster,PostgreSQL,R,RCM,RIK,RMF,ROI_PAC,RPFTOC,RRASTER,RS2,RST,Rasterlite,S102,S104,S111,"
    "S57,SAFE,SAGA,SAR_CEOS,SDTS,SENTINEL2,SGI,SIGDEM,SNAP_TIFF,SNODAS,SOSI,SQLite,SRP,SRTMHGT,STACIT,"
    "STACTA,SXF,Selafin,TGA,TIL,TSX,Terragen,TileDB,TopoJSON,USGSDEM,VDV,VFK,VICAR,VRT,WAsP,WCS,WEBP,"
    "WFS,WMS,WMTS,XLS,XLSX,XODR,XPM,XYZ,ZMap,Zarr,netCDF"
)
#: For the whole process, before a library is loaded.
PROCESS_OPTIONS: Final[Mapping[str, str]] = {
    "GDAL_SKIP": SKIPPED_DRIVERS,
    "GDAL_CONFIG_FILE": os.devnull,  # else a file in the user's folder could undo all this
    "CPL_LOG": os.devnull,  # that a skipped driver is not built in is no news
    "PROJ_SKIP_READ_USER_WRITABLE_DIRECTORY": "YES",  # grids downloaded once change numbers
}
#: Variables that speak to these libraries begin so.
PREFIXES: Final = (
    "GDAL_", "OGR_", "OSR_", "CPL_", "GTIFF_", "TIFF_", "VSI_", "VSIL_", "PROJ_", "SHAPE_", "GPKG_",
    "SQLITE_", "PYPROJ_", "RASTERIO_",
)  # fmt: skip


def lock() -> None:
    """Lock the environment of this process; to be called before a library of maps is loaded.

    The libraries' own data folders (`GDAL_DATA`, `PROJ_LIB`) are forgotten, too: they are found
    beside the libraries, and one of another version gives wrong coordinates or none.
    """
    for name in list(os.environ):
        if name.upper().startswith(PREFIXES):
            del os.environ[name]
    os.environ.update(GDAL_OPTIONS)
    os.environ.update(PROCESS_OPTIONS)
