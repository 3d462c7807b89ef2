"""The one style sheet of verdicts, tables and panels.

The colours are JupyterLab's own variables, so they follow its light and dark themes. Where there
is no JupyterLab (an exported page), the colours are the page's, and the browser's scheme decides.
The words "right" and "wrong" are in the text, so nothing depends on telling two colours apart.
"""

STYLE = """<style>
.gc-verdict, .gc-table { color: var(--jp-ui-font-color1, CanvasText);
  font-size: var(--jp-content-font-size1, 14px); line-height: 1.45; max-width: 52em; }
.gc-verdict { border-left: 4px solid var(--jp-border-color1, #888); padding: 2px 0 2px 12px;
  margin: 4px 0; overflow-wrap: anywhere; }
.gc-verdict.gc-right { border-left-color: var(--jp-success-color1, #009e73); }
.gc-verdict.gc-wrong { border-left-color: var(--jp-warn-color1, #d55e00); }
.gc-verdict.gc-guess { border-left-color: var(--jp-info-color1, #0068a3); }
.gc-verdict ul { list-style: none; margin: 4px 0; padding: 0; }
.gc-verdict li { margin: 2px 0; }
.gc-verdict li > div { margin-left: 1.6em; }
.gc-mark { display: inline-block; width: 1.2em; font-weight: bold; }
.gc-word { opacity: 0.75; }
.gc-printed { opacity: 0.85; }
.gc-verdict pre, .gc-verdict code { color: inherit; white-space: pre-wrap;
  background: var(--jp-layout-color2, rgba(128, 128, 128, 0.15)); padding: 0 3px; }
.gc-table .gc-table { border-collapse: collapse; margin: 4px 0; }
.gc-table .gc-table th, .gc-table .gc-table td { padding: 3px 14px 3px 4px; text-align: left;
  border-bottom: 1px solid var(--jp-border-color2, #8884); white-space: nowrap; }
.gc-table .gc-table code { white-space: nowrap; }
</style>"""
