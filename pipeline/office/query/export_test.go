package query

// SQL returns the text, without values.
func (s Statement) SQL() string { return s.sql }
