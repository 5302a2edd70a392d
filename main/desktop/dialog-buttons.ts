/** Places of the buttons in questions to the owner. Enter and Escape press the one that declines. */
export const DECLINE = 0;
export const APPROVE = 1;
