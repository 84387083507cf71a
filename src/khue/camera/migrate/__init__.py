"""Camera lists of the systems that are there already: Frigate, ZoneMinder, Hikvision and Dahua recorders, ONVIF recorders."""
