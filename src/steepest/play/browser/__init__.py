"""The page as Bokeh shows it: figures, widgets, and what is sent to the browser."""
