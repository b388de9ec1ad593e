// The shop already asked, and the provider has checked who asks: no second question.
document.getElementById('op.logoutForm').submit()
