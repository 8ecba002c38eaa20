"""The plots of the page, one a file: cases in, an SVG element out. Only this folder imports matplotlib, inside its functions."""
