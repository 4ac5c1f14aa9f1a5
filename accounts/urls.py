"""Addresses of the doors and of one's own account."""

from django.urls import path

from accounts import views
from accounts.own import views as own

app_name = "accounts"
urlpatterns = [
    path("", own.overview, name="own"),
    path("register/", views.register, name="register"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", own.give_second_factor, name="second-factor"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("reset/", views.reset, name="reset"),
    path("confirm/", views.confirm, name="confirm"),
    path("confirm/again/", views.confirm_again, name="confirm-again"),
    path("password/", own.change_password, name="password"),
    path("download/", own.download, name="download"),
    path("delete/", own.delete_account, name="delete"),
    path("second-factor/", own.add_second_factor, name="second-factor-new"),
    path("second-factor/remove/", own.remove_second_factor, name="second-factor-remove"),
    path("sessions/<uuid:session_id>/end/", own.end_session, name="session-end"),
    path("sessions/end-others/", own.end_other_sessions, name="sessions-end-others"),
    path("sessions/end-all/", own.end_all_sessions, name="sessions-end-all"),
]
