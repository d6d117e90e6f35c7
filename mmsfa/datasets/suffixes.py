"""Suffixes of the files that hold one sample."""

PICTURES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
# With what OpenCV reads besides, but nobody hands in by the folder.
ALL_PICTURES = (
    *PICTURES,
    *('.gif', '.pgm', '.jpe', '.jp2', '.dib', '.pbm', '.pnm', '.pfm'),
    *('.avif', '.exr', '.hdr', '.sr', '.ras'),
)
EVENTS = ('.bin', '.aedat', '.raw', '.dat')
SOUNDS = ('.wav', '.flac', '.ogg')
SIGNALS = (*SOUNDS, '.edf', '.csv', '.npy')
