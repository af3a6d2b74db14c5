// What only the starter of the program can do for an administrator: examine the machine, and read the configuration again. Types only.

import type { DoctorView, ReloadView, SettingView } from "./admin.ts";

export interface Operator {
  doctor(): Promise<DoctorView["checks"]>;
  reload(): ReloadView;
  settings(): readonly SettingView[];
}
