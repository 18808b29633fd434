"""The dashboard's pages: plain GETs that show, plain POSTs that change and answer 303."""
