// The icon of all pages. Public: browsers request it by themselves.

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#f27b2f"/><path d="M6 24V13l6 4v-4l6 4v-4l8 5.500V24z" fill="#fff"/></svg>\n`;
