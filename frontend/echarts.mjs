// The part of ECharts that our charts need; esbuild bundles it into static/vendor/echarts.js as the global `echarts`.
import * as core from "echarts/core";
import { BarChart, LineChart, SankeyChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  ToolboxComponent,
  TooltipComponent,
} from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import chinese from "echarts/lib/i18n/langZH.js";
import english from "echarts/lib/i18n/langEN.js";

core.use([
  AriaComponent,
  BarChart,
  CanvasRenderer,
  DataZoomInsideComponent,
  GridComponent,
  LabelLayout,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  SankeyChart,
  ToolboxComponent,
  TooltipComponent,
]);
core.registerLocale("ZH", chinese);
core.registerLocale("EN", english);

export const init = core.init;
export const registerTheme = core.registerTheme;
export const encodeHTML = core.format.encodeHTML;
