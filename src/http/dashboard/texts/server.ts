// The texts of the pages about the server itself: English, Chinese.

export const SERVER_TEXTS = {} as const;
