"""Carbon per hectare: densities by stratum, pool and year, with their draws."""
