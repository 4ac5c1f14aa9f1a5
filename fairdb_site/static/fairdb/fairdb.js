// Small conveniences over pages that work without any script.
"use strict";

document.documentElement.classList.add("js");
