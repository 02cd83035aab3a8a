//! That the filter cannot be forgotten is shown by what does not compile.

#[test]
fn a_query_without_the_tenants_filter_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
