package cases

// CheckBulkReason checks reason and text of an act on many cases. With listed false the act has none of the closed list. The text tells
// a stranger why, in at least 10 characters.
func CheckBulkReason(r WithdrawReason, text string, listed bool) error {
	if err := checkText("text", text, 10); err != nil {
		return err
	}
	switch {
	case listed:
		return checkReason(r, WithdrawReasons(), WithdrawOther, text)
	case r != "":
		return refuseField("reason", "must not be given: only withdraw and annul have one")
	}
	return nil
}
