// What only whoever started the program can do for an administrator: look at the machine, and read the configuration again. Types only.

import type { DoctorView, ReloadView, SettingView } from "./admin.ts";

export interface Operator {
  doctor(): Promise<DoctorView["checks"]>;
  reload(): ReloadView;
  settings(): readonly SettingView[];
}
