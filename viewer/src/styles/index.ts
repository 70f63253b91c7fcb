/** All styles as one text: the viewer lives in a shadow root and asks for no file. */

import bar from "./bar.css?inline";
import base from "./base.css?inline";
import buttons from "./buttons.css?inline";
import help from "./help.css?inline";
import legend from "./legend.css?inline";
import media from "./media.css?inline";
import panel from "./panel.css?inline";
import stage from "./stage.css?inline";
import touch from "./touch.css?inline";

// What depends on the width and on fingers comes last, so that it prevails.
export const css = [base, buttons, bar, legend, stage, panel, help, media, touch].join("\n");
